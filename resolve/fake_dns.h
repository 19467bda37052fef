/*
 * A name server for tests, which answers what a real one never should as well
 * as what it should: by the first label of the name it is asked for.
 */
#ifndef RESOLVE_FAKE_DNS_H
#define RESOLVE_FAKE_DNS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Starts it as a child on a port of 127.0.0.1, UDP and TCP.  What it does:
 *
 *	ok		A 192.0.2.1, AAAA 2001:db8::1, MX 20 mx2, 10 mx1,
 *			TXT "v=spf1" " -all", TLSA 3 1 1 of 32 bytes
 *	null		MX 0 . (RFC 7505)
 *	nx, nodata	NXDOMAIN; NOERROR with nothing
 *	servfail, refused
 *	dead		never answers
 *	slow		answers after 600 ms
 *	tc		cut off by UDP; 200 addresses by TCP
 *	many		400 addresses, in one UDP packet cut off, by TCP
 *	alias		CNAME ok.test
 *	loop1, loop2	CNAME to each other
 *	self		CNAME to itself
 *	huge		TXT of 60,000 bytes, by TCP
 *	garbage		bytes that are no message
 *	wrongid		an answer with another ID, then the right one
 *	wrongname	an answer to another question
 *	badmx		MX to "a b.test" and nothing else
 *	badrdata	an A record of 3 bytes
 *	v4only		A 192.0.2.7; SERVFAIL for AAAA
 *	liar		A 192.0.2.99
 *	odd		(PTR of 192.0.2.5) a name with a space in it
 * PTR of 192.0.2.N: 1 ok.test, 2 liar.test, 3 NXDOMAIN, 4 SERVFAIL, 5 odd,
 * 6 "1.2.3.4", 7 v4only.test, 8 nx.test, 9 servfail.test; 2001:db8::1 ok.test.
 */
pid_t fake_dns_start(uint16_t *port);
void fake_dns_stop(pid_t pid);

#endif
