"""What several rooms need of torch, without any display."""
