"""What happens on a server when it becomes, or ceases to be, a node. Standard library and Python 3.8 only."""
