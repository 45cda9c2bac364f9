"""Built-in models made by program: furniture, laptops, bags, people and streets, from a random stream alone."""
