/* Everything public, for generated code and for programs that do not care which header holds what. */
#ifndef SEMEL_SEMEL_H
#define SEMEL_SEMEL_H

#include <semel/call.h>
#include <semel/channel.h>
#include <semel/node.h>
#include <semel/peer.h>
#include <semel/properties.h>
#include <semel/recovery.h>
#include <semel/request.h>
#include <semel/server.h>
#include <semel/service.h>
#include <semel/state.h>
#include <semel/status.h>

#endif
