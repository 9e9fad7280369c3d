"""What the migration costs, against what PostgreSQL can take: `./run bench`. pytest collects nothing here."""
