"""How a message leaves: by signed webhook, by mail, or to one of the services that people chat in."""
