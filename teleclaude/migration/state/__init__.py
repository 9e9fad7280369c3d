"""What a run keeps: journal, ledger, workspace, its row on the target."""
