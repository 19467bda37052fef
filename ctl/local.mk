include $(top_srcdir)/ctl/barid.mk
include $(top_srcdir)/ctl/postconf.mk
include $(top_srcdir)/ctl/postmap.mk
include $(top_srcdir)/ctl/postcat.mk
include $(top_srcdir)/ctl/postqueue.mk
include $(top_srcdir)/ctl/postsuper.mk
