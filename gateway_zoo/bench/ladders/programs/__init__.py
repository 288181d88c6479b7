"""Programs that the servers of ladders run. They import nothing of the zoo but its app."""
