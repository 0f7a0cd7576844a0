/* What was handed to the transaction manager, or refused by an estimate, by the tags. */
#include <stdlib.h>

#include "challenger_internal.h"

struct flight *
flights_find(const struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES])
{
    for (size_t i = 0; i < c->flight_count; i++) {
        if (memcmp(c->flights[i].tag, tag, ACTION_TAG_BYTES) == 0) {
            return &c->flights[i];
        }
    }
    return NULL;
}

void
flights_drop(struct vd_challenger *c, struct flight *flight)
{
    *flight = c->flights[--c->flight_count];
}

struct flight *
flights_put(struct vd_challenger *c, const uint8_t tag[ACTION_TAG_BYTES], enum flight_state state,
            uint64_t block)
{
    struct flight *flight = flights_find(c, tag);
    if (!flight && c->flight_count == c->flight_cap) {
        size_t cap = c->flight_cap == 0 ? 128 : 2 * c->flight_cap;
        struct flight *flights = realloc(c->flights, cap * sizeof *flights);
        VD_ASSERT(flights != NULL); /* forgetting it could send a bond twice */
        c->flights = flights;
        c->flight_cap = cap;
    }
    if (!flight) {
        flight = &c->flights[c->flight_count++];
        *flight = (struct flight){.state = state};
        memcpy(flight->tag, tag, ACTION_TAG_BYTES);
    }
    if (state != FLIGHT_REFUSED) {
        flight->refusals = 0;
    } else if (flight->refusals == 0 || flight->block != block) {
        flight->refusals++;
    }
    flight->state = state;
    flight->block = block;
    return flight;
}

void
flights_price(struct vd_challenger *c, const struct action *action, struct vd_u256 value)
{
    uint8_t tag[ACTION_TAG_BYTES];
    action_tag(tag, action);
    struct flight *flight = flights_find(c, tag);
    if (flight && vd_u256_is_zero(&flight->value)) {
        flight->value = value;
    }
}

bool
challenger_in_flight(struct vd_challenger *c, uint64_t read_at, const struct action *action)
{
    uint8_t tag[ACTION_TAG_BYTES];
    action_tag(tag, action);
    struct flight *flight = flights_find(c, tag);
    if (!flight) {
        return false;
    }
    if (flight->state == FLIGHT_REFUSED && flight->unincluded == 0) {
        return read_at <= flight->block; /* kept, to count further refusals */
    }
    bool over =
        flight->unincluded == 0 && flight->state == FLIGHT_SETTLED && read_at >= flight->block;
    if (over) {
        flights_drop(c, flight);
    }
    return !over;
}

bool
challenger_is_done(const struct vd_challenger *c, const struct action *action)
{
    uint8_t tag[ACTION_TAG_BYTES];
    action_tag(tag, action);
    const struct flight *flight = flights_find(c, tag);
    return flight && flight->state == FLIGHT_DONE;
}

bool
challenger_is_sent(const struct vd_challenger *c, const struct action *action)
{
    uint8_t tag[ACTION_TAG_BYTES];
    action_tag(tag, action);
    const struct flight *flight = flights_find(c, tag);
    return flight && flight->state != FLIGHT_REFUSED;
}

size_t
flights_count_refused(const struct vd_challenger *c)
{
    size_t count = 0;
    for (size_t i = 0; i < c->flight_count; i++) {
        const struct flight *flight = &c->flights[i];
        enum action_kind kind;
        bool is_due = action_of_tag(&kind, vd_slice(flight->tag, ACTION_TAG_BYTES)) &&
                      kind <= ACTION_BLOCK && flight->block + RECENT_BLOCKS >= c->heads.l1.number;
        count += is_due && flight->state == FLIGHT_REFUSED && flight->refusals >= REFUSALS_TO_TELL;
    }
    return count;
}

/* No reorg that L1 has ever seen goes deeper. */
void
flights_purge(struct vd_challenger *c)
{
    for (size_t i = c->flight_count; i-- > 0;) {
        struct flight *flight = &c->flights[i];
        if (flight->unincluded == 0 && flight->state >= FLIGHT_SETTLED &&
            flight->state != FLIGHT_DONE &&
            flight->block + VD_TXM_KEEP_BLOCKS < c->heads.l1.number) {
            flights_drop(c, flight);
        }
    }
}
