module lab.local/standin-pause

go 1.26.8
