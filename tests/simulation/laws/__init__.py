"""What must hold once a history has calmed down."""
