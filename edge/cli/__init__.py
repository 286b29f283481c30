"""The command line `tezgah-edge`: one module a command or a group of them; `app` lists them."""
