# Clients and servers that attack: see doc/testing.md.
TAP_TESTS += \
	t/610-attack-framing.t \
	t/620-attack-client.t \
	t/625-attack-random.t \
	t/630-attack-smtpd.t \
	t/640-attack-size.t \
	t/650-attack-output.t \
	t/660-attack-sendmail.t

EXTRA_DIST += t/lib/Barid/Hostile.pm
