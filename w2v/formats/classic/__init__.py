"""Plain word vector formats: text and binary files of words and numbers."""
