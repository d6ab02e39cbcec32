"""One file with what all stores hold, whatever they are made of: made, checked, brought back."""
