"""Look at a data set in a browser: a small server, and the page that viewer/ builds."""
