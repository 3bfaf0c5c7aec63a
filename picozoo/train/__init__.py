"""What the recipes of several networks share; needs PyTorch."""
