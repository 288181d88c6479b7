"""The keeper of the zoo: starts, watches, checks and explains the exhibits. It knows no cage by name."""
