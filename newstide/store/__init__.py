"""The store: SQLAlchemy Core over SQLite or PostgreSQL. Nothing outside this package imports sqlalchemy."""
