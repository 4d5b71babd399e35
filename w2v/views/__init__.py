"""What people look at: plots, pages and logs, made from plain arrays and records."""
