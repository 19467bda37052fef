/*
 * The service that qmgr asks: one fiber a delivery.
 */
#ifndef SMTP_AGENT_H
#define SMTP_AGENT_H

#include "lib/ipc/server.h"
#include "smtp/deliver.h"

extern const struct ipc_handler agent_handlers[];

/* The services are set; the settings are loaded. */
void agent_init(struct agent *a);
void agent_clear(struct agent *a);

#endif
