include $(top_srcdir)/ctl/barid.mk
include $(top_srcdir)/ctl/postconf.mk
include $(top_srcdir)/ctl/postmap.mk
