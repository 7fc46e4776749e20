# The files of this floor, relative to runtime/; included by runtime/CMakeLists.txt.
set(SEMEL_CONFIG_SOURCES
    config/args.c
    config/assignment.c
    config/file.c
    config/help.c
    config/keys.c
    config/layers.c
    config/nearest.c
    config/number.c
    config/properties.c
    config/report.c
    config/rules.c
    config/settings.c
    config/snapshot.c
    config/value.c)
