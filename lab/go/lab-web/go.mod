module lab.local/lab-web

go 1.26.8
