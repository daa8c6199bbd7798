"""Taking in: making bags of folders, and packages of bags."""
