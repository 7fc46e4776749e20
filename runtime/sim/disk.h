/* The disks of the hosts: durable stores, which outlive the crash of their process as far as they had got.
 *
 * The store is that of production (store/lmdb.c) over real LMDB, in a file of the world's own; a handler may use LMDB
 * as it likes.  Simulated is what a disk makes of a commit: it takes its time, it fails, and what was on its way when
 * the process ended is there or not, and what was written ahead of its place also in part.
 *
 * It must not know what a batch holds.  Reads best next: disk.c. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "sim/host.h"
#include "store/store.h"

/* The process of this host is gone: its stores are closed, and what was on its way is there or not. */
void disk_drop(const semel_sim_host *host);
/* Whether its process has a store open. */
bool disk_is_open(const semel_sim_host *host);
/* Whether a commit has failed in this life of the host, and its store knows. */
bool disk_has_failed(const semel_sim_host *host);
/* The files of the world go with it. */
void disk_free(void);

#endif
