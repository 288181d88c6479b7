"""What is declared, what is installed, and what this zoo will be."""
