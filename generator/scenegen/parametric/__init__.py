"""Built-in models drawn by program: furniture, laptops, bags and people, from a random stream and nothing else."""
