/* TLS to servers of tables: see dbtls.h. */
#include "lib/table/dbtls.h"

#include "lib/base/htable.h"
#include "lib/base/mem.h"
#include "lib/table/module.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct dbtls {
	SSL_CTX *context;
	bool verify;
	const char *name; /* "": the host's */
};

/* For all threads; by the address of the parameters, which are never freed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct htable all;

static const char *
queued_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

	return text != NULL ? text : "of no use";
}

const char *
dbtls_reason(const SSL *ssl)
{
	long result = SSL_get_verify_result(ssl);

	if (result != X509_V_OK &&
	    (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0)
		return X509_verify_cert_error_string(result);
	return ERR_peek_last_error() == 0 ? "the connection was closed"
					  : queued_reason();
}

/* --- parameters --- */

static struct err
bad(const struct params *p, const char *name)
{
	return err_make(ERR_PERM, "%.60s: %s: %.60s: %.60s", params_origin(p),
	    name, params_text(p, name, ""), queued_reason());
}

static struct err
load_trust(SSL_CTX *c, const struct params *p)
{
	const char *file = params_text(p, "tls_CAfile", "");
	const char *folder = params_text(p, "tls_CApath", "");

	if (*file == '\0' && *folder == '\0')
		return SSL_CTX_set_default_verify_paths(c) == 1
		    ? ERR_OK
		    : bad(p, "tls_CAfile");
	if (*file != '\0' && SSL_CTX_load_verify_file(c, file) != 1)
		return bad(p, "tls_CAfile");
	if (*folder != '\0' && SSL_CTX_load_verify_dir(c, folder) != 1)
		return bad(p, "tls_CApath");
	return ERR_OK;
}

/* Who we are, if the server wants to know. */
static struct err
load_own(SSL_CTX *c, const struct params *p)
{
	const char *cert = params_text(p, "tls_cert_file", "");
	const char *key = params_text(p, "tls_key_file", cert);

	if (*cert == '\0')
		return *key == '\0' ? ERR_OK
				    : err_make(ERR_PERM,
					  "%.100s: tls_key_file without "
					  "tls_cert_file",
					  params_origin(p));
	if (SSL_CTX_use_certificate_chain_file(c, cert) != 1)
		return bad(p, "tls_cert_file");
	if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c) != 1)
		return bad(p, "tls_key_file");
	return ERR_OK;
}

static struct err
fill_context(SSL_CTX *c, const struct params *p)
{
	const char *ciphers = params_text(p, "tls_ciphers", "");
	struct err e = load_trust(c, p);

	if (!err_is(e))
		e = load_own(c, p);
	if (!err_is(e) && *ciphers != '\0' &&
	    SSL_CTX_set_cipher_list(c, ciphers) != 1)
		e = bad(p, "tls_ciphers");
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(c,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	return e;
}

static struct err
is_asked_for(const struct params *p, bool *yes)
{
	static const char *const names[] = { "tls_CAfile", "tls_CApath",
		"tls_cert_file", "tls_key_file", "tls_ciphers",
		"tls_verify_cert", "tls_name" };
	bool any = false;

	/* Who speaks of TLS must not get a connection without it. */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		any = any || *params_text(p, names[i], "") != '\0';
	return params_bool(p, "tls", any, yes);
}

static struct err
dbtls_new(const struct params *p, struct dbtls **out)
{
	struct dbtls *t = xcalloc(1, sizeof(*t));
	struct err e;

	t->name = params_text(p, "tls_name", "");
	e = params_bool(p, "tls_verify_cert", true, &t->verify);
	ERR_clear_error();
	if (!err_is(e)) {
		t->context = SSL_CTX_new(TLS_client_method());
		e = t->context == NULL ? bad(p, "tls")
				       : fill_context(t->context, p);
	}
	if (err_is(e)) {
		SSL_CTX_free(t->context);
		free(t);
		t = NULL;
	}
	*out = t;
	return e;
}

struct err
dbtls_load(const struct params *p, const struct dbtls **out)
{
	struct view key = view_make((const char *)&p, sizeof(p));
	struct dbtls *t;
	bool yes;
	struct err e = is_asked_for(p, &yes);

	*out = NULL;
	if (err_is(e) || !yes)
		return e;
	pthread_mutex_lock(&lock);
	t = htable_find(&all, key);
	if (t == NULL) {
		e = dbtls_new(p, &t);
		if (t != NULL)
			htable_set(&all, key, t);
	}
	pthread_mutex_unlock(&lock);
	*out = t;
	return e;
}

/* --- connections --- */

/* RFC 9525 6: an address must be there as one, a name may have one label as a
 * wildcard. */
static bool
expect(SSL *ssl, const struct dbtls *t, const char *name)
{
	X509_VERIFY_PARAM *who = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(who, name) == 1)
		return true;
	ERR_clear_error();
	if (SSL_set_tlsext_host_name(ssl, name) != 1)
		return false;
	X509_VERIFY_PARAM_set_hostflags(who,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return !t->verify || SSL_set1_host(ssl, name) == 1;
}

SSL *
dbtls_begin(const struct dbtls *t, int fd, const char *host, char *why)
{
	SSL *ssl;

	ERR_clear_error();
	ssl = SSL_new(t->context);
	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 &&
	    expect(ssl, t, t->name[0] != '\0' ? t->name : host)) {
		SSL_set_verify(
		    ssl, t->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
		SSL_set_connect_state(ssl);
		return ssl;
	}
	snprintf(why, MODULE_WHY_MAX, "TLS: %s", queued_reason());
	SSL_free(ssl);
	return NULL;
}
