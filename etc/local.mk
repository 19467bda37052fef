# Configuration as shipped: installed only where there is none.
EXTRA_DIST += etc/main.cf etc/master.cf etc/aliases etc/dev-run \
	etc/barid.service etc/barid.sysusers etc/gdb-fibers.py

install-data-local:
	$(MKDIR_P) $(DESTDIR)$(configdir)
	for f in main.cf master.cf; do \
		test -f $(DESTDIR)$(configdir)/$$f || \
		$(INSTALL_DATA) $(srcdir)/etc/$$f \
		    $(DESTDIR)$(configdir)/$$f || exit 1; \
	done

uninstall-local:
	for f in main.cf master.cf; do \
		cmp -s $(srcdir)/etc/$$f $(DESTDIR)$(configdir)/$$f && \
		rm -f $(DESTDIR)$(configdir)/$$f; \
	done; :
