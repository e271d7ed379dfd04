"""`python -m mvops` is `mvops`."""

from mvops.cli.app import main

if __name__ == "__main__":
    main()
