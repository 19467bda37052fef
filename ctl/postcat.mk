sbin_PROGRAMS += ctl/postcat
ctl_postcat_SOURCES = ctl/postcat.c
ctl_postcat_LDADD = $(COMMAND_LDADD)
dist_man1_MANS += ctl/postcat.1

TAP_TESTS += t/310-queue-commands.t
