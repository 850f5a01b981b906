"""The addresses of the server, one area a module.

`create_app` takes in the `router` of every module here: a new area is a new file. Routes are
plain functions, which the framework runs in threads, because the store blocks. Each takes who
may use it from `doors`; what stands before all of them is in `shield` and `doors.check_form`.
"""
