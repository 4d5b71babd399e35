"""From words to ids on disk."""
