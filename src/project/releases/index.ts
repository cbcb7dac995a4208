/** What releases ask of a version. */
