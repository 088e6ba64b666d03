"""What runs beside the mail system: the sink, the authentication server, the sender, and the configurations."""
