/**
 * Who is in what: {@link org.diffusionsoup.registry.Registry} records shards, ingredients and
 * soups, keeps their weights, takes shards out, and certifies that they are out. The work is done
 * in the packages below, where requests and results lie, too; see docs/architecture.md.
 */
@NullMarked
package org.diffusionsoup.registry;

import org.jspecify.annotations.NullMarked;
