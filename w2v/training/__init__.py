"""From ids to matrices."""
