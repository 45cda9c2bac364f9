"""Images by Cycles."""
