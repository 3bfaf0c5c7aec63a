"""Static memory: who may share storage (`storage`), where it lies (`arena`), and an independent proof (`check`)."""
