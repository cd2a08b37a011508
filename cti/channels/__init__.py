"""Ways to send texts to customers. One module per way."""
