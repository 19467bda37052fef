/*
 * The defaults that come from the machine: its name, its networks.
 */
#ifndef CONF_DEFAULTS_H
#define CONF_DEFAULTS_H

#include "lib/conf/names.h"

/*
 * Append what this parameter is by default here.  False if it is not one of
 * those that are computed.  mynetworks looks at mynetworks_style,
 * inet_interfaces and inet_protocols; a value of theirs that makes no sense
 * counts as the default (conf_load refuses it).
 */
bool defaults_compute(struct names *names, struct view name, struct str *out);

#endif
