/* What this build has: table types, locks, login mechanisms, TLS. */
#include "ctl/postconf.h"

#include "lib/base/mem.h"
#include "lib/table/table.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <stdlib.h>

enum { TYPES_MAX = 100 };

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
list_types(void)
{
	/* "proxy:" is accepted in front of any type. */
	const char *names[TYPES_MAX + 1] = { "proxy" };
	size_t n = 1;

	while (n <= TYPES_MAX && table_type_name(n - 1) != NULL) {
		names[n] = table_type_name(n - 1);
		n++;
	}
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			puts(names[i]);
}

void
postconf_list(char what)
{
	switch (what) {
	case 'l':
		puts("flock\nfcntl\ndotlock");
		break;
	case 'm':
		list_types();
		break;
	case 'a':
		postconf_warn("SASL in the SMTP server is not supported");
		break;
	case 'A':
		postconf_warn("SASL in the SMTP client is not supported");
		break;
	default:
		break;
	}
}

static void
list_key_algorithms(void)
{
	static const struct {
		const char *name, *management;
	} algorithms[] = {
		{ "dsa", "DSA" },
		{ "ecdsa", "EC" },
		{ "rsa", "RSA" },
	};

	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		EVP_KEYMGMT *found =
		    EVP_KEYMGMT_fetch(NULL, algorithms[i].management, NULL);

		if (found != NULL)
			puts(algorithms[i].name);
		EVP_KEYMGMT_free(found);
	}
}

void
postconf_list_tls(const char *what)
{
	if (strcmp(what, "compile-version") == 0) {
		puts(OPENSSL_VERSION_TEXT);
	} else if (strcmp(what, "run-version") == 0) {
		puts(OpenSSL_version(OPENSSL_VERSION));
	} else if (strcmp(what, "public-key-algorithms") == 0) {
		list_key_algorithms();
	} else {
		postconf_warn("unknown 'postconf -T' mode: %s", what);
		exit(1);
	}
}
