/**
 * The paper's subject: {@link org.diffusionsoup.core.soup.Souper} makes w = sum k_i w_i of
 * ingredients, exactly and in the order of a copy's time, and {@link
 * org.diffusionsoup.core.soup.SoupAdjuster} takes one ingredient in or out by the kept sum. Both
 * plan, have {@link org.diffusionsoup.core.soup.average} compute, and save; {@link
 * org.diffusionsoup.core.soup.RunningSoup} forms soups in memory instead.
 */
@NullMarked
package org.diffusionsoup.core.soup;

import org.jspecify.annotations.NullMarked;
