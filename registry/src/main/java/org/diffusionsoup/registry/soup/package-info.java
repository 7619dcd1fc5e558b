/**
 * Soups are planned, made of stored ingredients, recorded, and brought up to date: {@link
 * org.diffusionsoup.registry.soup.Soups}.
 */
@NullMarked
package org.diffusionsoup.registry.soup;

import org.jspecify.annotations.NullMarked;
