daemon_PROGRAMS += rewrite/rewrite
rewrite_rewrite_SOURCES = \
	rewrite/address.c rewrite/address.h \
	rewrite/domain.c rewrite/domain.h \
	rewrite/find.c rewrite/find.h \
	rewrite/main.c \
	rewrite/own.c rewrite/own.h \
	rewrite/peel.c rewrite/peel.h \
	rewrite/route.c rewrite/route.h \
	rewrite/router.c \
	rewrite/transport_map.c rewrite/transport_map.h
rewrite_rewrite_LDADD = $(DAEMON_LDADD)
