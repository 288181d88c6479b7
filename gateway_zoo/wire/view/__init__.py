"""Views of exchanges and recordings for a terminal."""
