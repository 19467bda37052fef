/*
 * TLS to the servers of tables whose protocol we speak ourselves.  A table asks
 * for it by `tls = yes`, or by any other of these parameters:
 *
 *	tls_CAfile, tls_CApath	whom to trust; without either, whom the
 *				system trusts
 *	tls_cert_file, tls_key_file	who we are; PEM
 *	tls_ciphers		up to TLS 1.2, in OpenSSL's words
 *	tls_verify_cert (yes)	the chain, the dates, and the name
 *	tls_name		the server's name in its certificate, where it is
 *				not the host's
 *
 * Blocking with a deadline, as a duct is.
 */
#ifndef TABLE_DBTLS_H
#define TABLE_DBTLS_H

#include "lib/base/err.h"
#include "lib/table/params.h"

#include <openssl/ssl.h>

struct dbtls;

/*
 * Read the files that the parameters name: with the rights that the process
 * begins with, once for these parameters, and kept as long as they are.  *out is
 * NULL if there is to be no TLS.  ERR_PERM: a file or a value is of no use.  Any
 * thread may ask.
 */
struct err dbtls_load(const struct params *p, const struct dbtls **out);

/* Before the handshake on fd: who the other side must be.  NULL, and why. */
SSL *dbtls_begin(const struct dbtls *t, int fd, const char *host, char *why);
/* Why it came to nothing: what OpenSSL's error queue, or the certificate, says;
 * good until the thread's next call. */
const char *dbtls_reason(const SSL *ssl);

#endif
