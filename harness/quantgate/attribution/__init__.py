"""What quantization costs and where: layers put back into floating point, execution separated."""
