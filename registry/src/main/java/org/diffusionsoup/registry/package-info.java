/**
 * Who is in what: {@link org.diffusionsoup.registry.Registry} records shards, ingredients and
 * soups, keeps their weights, takes shards out, and certifies that they are out.
 */
@NullMarked
package org.diffusionsoup.registry;

import org.jspecify.annotations.NullMarked;
