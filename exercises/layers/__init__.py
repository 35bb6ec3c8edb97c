"""What stands between the attentions: norms, activations, dropout, residuals."""
