// Colours and light of the sample scene. Textures live in their body's frame and give up
// their finer octaves where a pixel covers more than they span, so they do not shimmer.

const vec3 SUN = normalize(vec3(-0.62, 0.46, -0.50));
const vec3 SUN_COLOR = vec3(1.0, 0.80, 0.54) * 3.3;
const vec3 SKY_COLOR = vec3(0.40, 0.56, 0.90) * 0.78;
const vec3 HAZE = vec3(0.78, 0.76, 0.82);

float hash(uvec2 cell)
{
    uint h = cell.x * 0x9e3779b1u ^ cell.y * 0x85ebca6bu;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return float((h ^ (h >> 15)) >> 8) * (1.0 / 16777216.0);
}

float hash(vec2 cell)
{
    return hash(uvec2(ivec2(cell)));
}

// Value noise, 0..1.
float noise(vec2 p)
{
    const vec2 cell = floor(p), f = p - cell, u = f * f * (3.0 - 2.0 * f);
    return mix(mix(hash(cell), hash(cell + vec2(1.0, 0.0)), u.x),
               mix(hash(cell + vec2(0.0, 1.0)), hash(cell + vec2(1.0, 1.0)), u.x), u.y);
}

float noise(vec3 p)
{
    const float cell = floor(p.z), f = p.z - cell, u = f * f * (3.0 - 2.0 * f);
    const vec2 shift = vec2(37.0, 91.0);
    return mix(noise(p.xy + cell * shift), noise(p.xy + (cell + 1.0) * shift), u);
}

// 1 where waves of this frequency (a metre) can be told apart at a footprint (m a pixel).
float seen(float frequency, float foot)
{
    return clamp(2.0 - 3.0 * frequency * foot, 0.0, 1.0);
}

// Sum of octaves, about -1..1.
float octaves(vec2 p, float foot, int count)
{
    float sum = 0.0, weight = 0.55, frequency = 1.0;
    const mat2 turn = mat2(1.6, 1.2, -1.2, 1.6);
    for (int i = 0; i < count; i++) {
        sum += weight * seen(frequency, foot) * (2.0 * noise(p) - 1.0);
        p = turn * p + 17.3;
        frequency *= 2.0;
        weight *= 0.55;
    }
    return sum;
}

float octaves(vec3 p, float foot, int count)
{
    float sum = 0.0, weight = 0.55, frequency = 1.0;
    for (int i = 0; i < count; i++) {
        sum += weight * seen(frequency, foot) * (2.0 * noise(p) - 1.0);
        p = p.yzx * 2.03 + 11.7;
        frequency *= 2.03;
        weight *= 0.55;
    }
    return sum;
}

// How much of a footprint lies inside a shape, from the signed distance to its edge.
float inside(float distance, float foot)
{
    return clamp(0.5 - distance / max(foot, 1e-4), 0.0, 1.0);
}

// A stripe round 0 of the given half width.
float stripe(float x, float half_width, float foot)
{
    return inside(abs(x) - half_width, foot);
}

// Distance to the nearest multiple of period, signed.
float wrap(float x, float period)
{
    return x - period * round(x / period);
}

// Flowers of the given colour scattered over color, one a cell of size metres at most.
void scatter(inout vec3 color, vec2 p, float size, float density, vec3 flower, float foot)
{
    const vec2 cell = floor(p / size);
    const float dice = hash(cell + 311.0);
    const vec2 at =
        (cell + 0.3 + 0.4 * vec2(hash(cell + 57.0), hash(cell + 131.0))) * size;
    const float r = size * mix(0.12, 0.26, hash(cell + 7.0));
    const float here = inside(length(p - at) - r, foot) * step(dice, density);
    color = mix(color, flower * (0.75 + dice), here * seen(0.5 / size, foot));
}

// ---- materials; p in the body's frame, n its normal there ----
vec3 tulip_color(float row)
{
    const int kind = int(mod(row + 100.0, 12.0)) / 2;
    return kind == 0   ? vec3(0.80, 0.05, 0.05)
           : kind == 1 ? vec3(0.95, 0.62, 0.04)
           : kind == 2 ? vec3(0.86, 0.22, 0.45)
           : kind == 3 ? vec3(0.92, 0.30, 0.03)
           : kind == 4 ? vec3(0.42, 0.10, 0.48)
                       : vec3(0.93, 0.85, 0.72);
}

vec3 ground_color(vec3 p, float foot)
{
    const vec2 q = p.xz;
    const float broad = octaves(q * 0.11, foot * 0.11, 3),
                fine = octaves(q * 2.3, foot * 2.3, 5);
    vec3 color = mix(vec3(0.17, 0.30, 0.05), vec3(0.42, 0.43, 0.10), 0.5 + 0.8 * broad);
    color = mix(color, vec3(0.10, 0.22, 0.06),
                clamp(octaves(q * 0.6 + 9.0, foot * 0.6, 3), 0.0, 1.0));
    color *= 1.0 + 0.75 * fine;
    // tufts: short upright dabs, lighter and darker
    const vec2 blade = q * vec2(1.0, 0.6);
    scatter(color, blade, 0.13, 0.9, color * 1.55, foot);
    scatter(color, blade + 3.7, 0.11, 0.9, color * 0.45, foot);
    scatter(color, blade + 8.3, 0.07, 0.8, color * 1.8, foot);
    const float meadow = smoothstep(-0.25, 0.35, octaves(q * 0.23 + 40.0, foot, 2));
    if (q.y < 40.0) {
        scatter(color, q, 0.34, 0.30 * meadow, vec3(0.86, 0.06, 0.03), foot);
        scatter(color, q + 5.3, 0.27, 0.25, vec3(0.92, 0.88, 0.80), foot);
        scatter(color, q + 9.1, 0.31, 0.16, vec3(0.95, 0.72, 0.06), foot);
    }
    // farm land and woods on the hills
    const float hills = smoothstep(42.0, 60.0, q.y);
    const vec2 plot = floor(
        vec2(q.x * 0.055 + 0.25 * sin(q.y * 0.05), q.y * 0.045 + 0.2 * sin(q.x * 0.04)));
    const float crop = hash(plot + 77.0);
    vec3 land = crop < 0.3    ? vec3(0.52, 0.46, 0.13)
                : crop < 0.55 ? vec3(0.26, 0.37, 0.10)
                : crop < 0.75 ? vec3(0.38, 0.42, 0.12)
                              : vec3(0.44, 0.30, 0.14);
    land *= 1.0 + 0.5 * octaves(q * 0.4, foot * 0.4, 4);
    const float woods = smoothstep(0.02, 0.12, octaves(q * 0.045 + 3.0, foot * 0.045, 4));
    land =
        mix(land, vec3(0.08, 0.15, 0.07) * (1.0 + 0.9 * octaves(q * 0.5, foot * 0.5, 3)),
            woods);
    color = mix(color, land, hills);

    const float field = field_mask(q);
    if (field > 0.0) {
        const float row = floor(q.x / 0.9),
                    ridge = 1.0 - 2.0 * abs(fract(q.x / 0.9) - 0.5);
        vec3 tulip = tulip_color(row) * (1.0 + 0.55 * octaves(q * 3.7, foot * 3.7, 4));
        const float bloom = smoothstep(
            -0.25, 0.05, octaves(q * 5.0 + 3.0, foot * 5.0, 3) + 0.9 * ridge - 0.45);
        vec3 leaf = vec3(0.12, 0.27, 0.07) * (1.0 + 0.5 * fine);
        leaf = mix(vec3(0.19, 0.13, 0.08), leaf, smoothstep(0.1, 0.35, ridge));
        vec3 plant = mix(leaf, tulip * 0.6, bloom);
        scatter(plant, q, 0.17, 0.7 * bloom + 0.1, tulip * 1.1, foot);
        scatter(plant, q + 2.1, 0.13, 0.7 * bloom + 0.1, tulip * 1.35, foot);
        scatter(plant, q + 5.7, 0.15, 0.3, leaf * 0.7, foot);
        color = mix(color, plant, field);
    }
    const float path = abs(q.x - path_x(q.y)) + 0.25 * octaves(q * 1.4, foot * 1.4, 3);
    vec3 sand = vec3(0.56, 0.43, 0.28) * (1.0 + 0.35 * octaves(q * 3.0, foot * 3.0, 4)) *
                (1.0 - 0.35 * stripe(path - 0.42, 0.13, 0.1));
    scatter(sand, q, 0.16, 0.5, sand * 1.5, foot);
    scatter(sand, q + 4.4, 0.10, 0.7, sand * 0.55, foot);
    scatter(sand, q + 6.6, 0.07, 0.8, vec3(0.62, 0.56, 0.50), foot);
    color = mix(color, sand, (1.0 - smoothstep(0.75, 1.05, path)) * step(q.y, RAIL_Z));
    const float rail = abs(q.y - RAIL_Z);
    vec3 ballast = vec3(0.34, 0.30, 0.28) * (1.0 + 0.5 * octaves(q * 4.0, foot * 4.0, 3));
    ballast = mix(ballast, vec3(0.16, 0.10, 0.07),
                  stripe(wrap(q.x, 0.7), 0.14, foot) * step(rail, 1.1));
    ballast = mix(ballast, vec3(0.5, 0.5, 0.52), stripe(rail - 0.66, 0.05, foot));
    return mix(color, ballast, 1.0 - smoothstep(1.3, 1.7, rail));
}

vec3 wall_color(vec3 p, float foot)
{
    const vec3 q = p.z < 30.0 ? to_cottage(p) : to_farm(p);
    const bool front = abs(q.x) < 2.66; // else a gable
    const float u = front ? q.x : q.z, v = q.y;
    vec3 color = vec3(0.86, 0.78, 0.62) * (1.0 + 0.22 * octaves(q * 1.7, foot * 1.7, 5));
    color =
        mix(color, vec3(0.42, 0.36, 0.31) * (1.0 + 0.6 * octaves(q * 3.0, foot * 3.0, 3)),
            step(v, 0.35));
    float timber =
        max(stripe(wrap(u - 0.68, 1.35), 0.075, foot), stripe(v - 2.2, 0.09, foot));
    timber = max(timber, stripe(v - 1.25, 0.06, foot) * step(v, 2.2));
    timber = max(timber, stripe(wrap(u, 2.7) - (v - 1.25) * 0.9 + 0.35, 0.06, foot) *
                             step(1.25, v) * step(v, 2.2));
    color = mix(color, vec3(0.22, 0.12, 0.07), timber * step(0.35, v));
    const float win = max(abs(wrap(u, 1.35)) * 1.15, abs(v - 1.45)) - 0.38;
    const float bars =
        max(stripe(wrap(u, 1.35), 0.025, foot), stripe(v - 1.45, 0.025, foot));
    const float open = front ? 1.0 : step(abs(u), 0.6);
    color = mix(color, vec3(0.92, 0.90, 0.84), inside(win - 0.07, foot) * open);
    color = mix(color, mix(vec3(0.10, 0.16, 0.24), vec3(0.9), bars),
                inside(win, foot) * open);
    const float door = max(abs(u - 1.35) * 1.9, abs(v - 0.85)) - 0.85;
    const vec3 boards =
        vec3(0.10, 0.27, 0.33) * (0.8 + 0.3 * stripe(wrap(u, 0.16), 0.06, foot));
    return front ? mix(color, boards, inside(door, foot)) : color;
}

vec3 tiles(vec2 q, vec3 color, vec2 size, float foot)
{
    const float line = floor(q.y / size.y);
    const vec2 cell = vec2(floor(q.x / size.x + 0.5 * mod(line, 2.0)), line);
    const vec2 f = vec2(fract(q.x / size.x + 0.5 * mod(line, 2.0)), fract(q.y / size.y));
    const float clear = seen(0.6 / size.y, foot);
    color *= 1.0 + clear * (0.7 * hash(cell + 91.0) - 0.35);
    return color * (1.0 - clear * 0.5 *
                              max(smoothstep(0.25, 0.0, f.y),
                                  smoothstep(0.40, 0.5, abs(f.x - 0.5))));
}

vec3 tower_color(vec3 p, float foot)
{
    const bool mill = p.z < 30.0;
    const vec3 q = p - (mill ? MILL + vec3(0.0, 1.3, 0.0) : CHURCH);
    const float round_pos = mill ? atan(q.x, -q.z) : abs(q.x) < 1.49 ? q.x : q.z;
    vec3 color = mill ? vec3(0.88, 0.84, 0.75) : vec3(0.62, 0.55, 0.46);
    color *= 1.0 + 0.30 * octaves(vec3(q.x * 1.6, q.y * 0.7, q.z * 1.6), foot * 1.6, 5);
    const vec3 brick = tiles(vec2(round_pos * (mill ? 2.1 : 1.0), q.y),
                             vec3(0.52, 0.22, 0.13), vec2(0.42, 0.2), foot);
    const float worn = octaves(q * 0.9 + 4.0, foot * 0.9, 4);
    color = mix(color, brick, smoothstep(0.0, 0.12, worn - (mill ? q.y - 2.1 : 0.3)));
    const vec2 w = mill ? vec2(wrap(round_pos + 0.55, 1.571) * 1.8, wrap(q.y - 3.4, 1.9))
                        : vec2(wrap(round_pos, 1.2), wrap(q.y - 4.0, 2.2));
    const float win = max(abs(w.x) * 1.5, abs(w.y)) - 0.36;
    const float show = step(1.0, q.y) * step(q.y, mill ? 6.2 : 6.8);
    color = mix(color, vec3(0.30, 0.45, 0.33), inside(win - 0.09, foot) * show);
    color = mix(color, vec3(0.09, 0.10, 0.12), inside(win, foot) * show);
    return color;
}

vec3 envelope_color(int which, vec3 p, float foot)
{
    const float angle = atan(p.z, p.x), gore = angle * (8.0 / 3.14159265);
    const float round_foot = foot / max(length(p.xz), 0.05) * (8.0 / 3.14159265);
    const float odd = inside(0.5 - abs(wrap(gore, 2.0)), round_foot);
    const float zig = p.y + 0.18 * (abs(wrap(gore, 2.0)) - 0.5);
    const float band = stripe(zig - 0.05, 0.26, foot),
                rim = stripe(abs(zig - 0.05) - 0.26, 0.05, foot);
    vec3 a, b, c;
    if (which == BALLOON) {
        a = vec3(0.85, 0.09, 0.06);
        b = vec3(0.96, 0.70, 0.10);
        c = vec3(0.08, 0.16, 0.46);
    } else if (which == BALLOON + 1) {
        a = vec3(0.10, 0.38, 0.55);
        b = vec3(0.93, 0.90, 0.80);
        c = vec3(0.90, 0.38, 0.06);
    } else {
        a = vec3(0.45, 0.14, 0.42);
        b = vec3(0.95, 0.56, 0.20);
        c = vec3(0.92, 0.86, 0.66);
    }
    vec3 color = mix(mix(a, b, odd), mix(c, mix(b, a, odd), 0.25 * odd), band);
    color = mix(color, vec3(0.95, 0.92, 0.85), rim);
    color = mix(color, c, smoothstep(0.93, 0.94, p.y) + step(p.y, -1.22));
    const float seam = stripe(wrap(gore - 0.5, 1.0), 0.05, round_foot);
    color *= 1.0 - 0.28 * max(seam, 0.7 * stripe(wrap(p.y, 0.21), 0.008, foot));
    return color * (1.0 + 0.16 * octaves(p * 6.0, foot * 6.0, 4));
}

vec3 train_color(vec3 p, float foot)
{
    vec3 color;
    const float car = car_at(p.x), u = p.x - car_x(car);
    if (p.x > -2.4) {
        color = p.x > -0.65 ? vec3(0.08, 0.19, 0.13) : vec3(0.10, 0.30, 0.18);
        color = mix(color, vec3(0.75, 0.55, 0.16),
                    stripe(wrap(p.x - 0.1, 0.75), 0.05, foot) * step(-0.6, p.x));
        color = mix(color, vec3(0.05, 0.08, 0.10),
                    stripe(max(abs(p.x + 1.3), abs(p.y - 1.45)), 0.32, foot));
        color = p.y > 1.9 && p.x < 0.0 ? vec3(0.60, 0.10, 0.07) : color;
        color = p.x > 1.9 ? vec3(0.55, 0.09, 0.06) : color;
    } else {
        color = car < 0.5   ? vec3(0.62, 0.10, 0.08)
                : car < 1.5 ? vec3(0.83, 0.60, 0.16)
                            : vec3(0.13, 0.27, 0.47);
        color = mix(color, vec3(0.92, 0.86, 0.72), stripe(p.y - 0.55, 0.05, foot));
        const float win = max(abs(wrap(u, 0.8)) * 1.2, abs(p.y - 1.12)) - 0.28;
        color = mix(color, vec3(0.95, 0.90, 0.80),
                    inside(win - 0.07, foot) * step(abs(u), 1.6));
        color = mix(color, vec3(0.12, 0.16, 0.20), inside(win, foot) * step(abs(u), 1.6));
        color = p.y > 1.6 ? vec3(0.36, 0.33, 0.31) : color;
    }
    color = p.y < 0.1 ? vec3(0.13, 0.10, 0.09) : color;
    return color * (1.0 + 0.3 * octaves(p * 3.0, foot * 3.0, 4));
}

vec3 wood_color(vec3 p, vec3 color, float foot)
{
    return color * (1.0 + 0.45 * octaves(p * vec3(5.0, 2.5, 5.0), foot * 5.0, 4));
}

vec3 surface_color(int id, vec3 p, float foot)
{
    const int material = id % BODY, body = id / BODY;
    const float grain = octaves(p * 2.0, foot * 2.0, 5);
    switch (material) {
    case GROUND:
        return ground_color(p, foot);
    case WALL:
        return wall_color(p, foot);
    case ROOF: {
        const vec3 q = p.z < 30.0 ? to_cottage(p) : to_farm(p);
        return tiles(vec2(q.x, q.y * 1.5), vec3(0.62, 0.20, 0.09), vec2(0.30, 0.26),
                     foot) *
               (1.0 + 0.5 * grain);
    }
    case BRICK:
        return tiles(vec2(p.x + p.z, p.y), vec3(0.50, 0.22, 0.15), vec2(0.3, 0.13), foot);
    case TOWER:
        return tower_color(p, foot);
    case CAP:
        return tiles(vec2(atan(p.x - MILL.x, p.z - MILL.z) * 1.6, p.y),
                     vec3(0.30, 0.17, 0.14), vec2(0.3, 0.22), foot) *
               (1.0 + 0.4 * grain);
    case WOOD:
        return wood_color(
            p, body == ROTOR ? vec3(0.36, 0.20, 0.12) : vec3(0.50, 0.38, 0.27), foot);
    case BARK:
        return vec3(0.28, 0.19, 0.12) *
               (1.0 + 0.8 * octaves(p * vec3(4.0, 1.2, 4.0), foot * 4.0, 4));
    case LEAVES: {
        const float tone = noise(floor(p.xz * 0.09 + 0.4) * 7.0);
        vec3 color = mix(vec3(0.13, 0.27, 0.06), vec3(0.36, 0.36, 0.06), tone);
        color = mix(color, vec3(0.60, 0.30, 0.05), smoothstep(0.62, 0.9, tone));
        color *= 1.0 + 1.1 * octaves(p * 2.6, foot * 2.6, 4);
        return mix(color, color * vec3(1.5, 1.35, 0.8),
                   clamp(octaves(p * 0.9, foot * 0.9, 2), 0.0, 1.0));
    }
    case HAY:
        return vec3(0.66, 0.47, 0.16) *
               (1.0 + 1.0 * octaves(p * vec3(2.0, 9.0, 2.0), foot * 6.0, 4));
    case SAIL: {
        const vec3 q = fold_arm(p);
        const float frame = max(stripe(wrap(q.y - 0.85, 0.5), 0.03, foot),
                                stripe(wrap(q.x - 0.05, 0.28), 0.02, foot));
        const vec3 cloth = mix(vec3(0.93, 0.87, 0.72), vec3(0.80, 0.20, 0.12),
                               stripe(q.y - 3.2, 0.22, foot));
        return mix(cloth * (1.0 + 0.3 * grain), vec3(0.36, 0.22, 0.13), frame);
    }
    case ENVELOPE:
        return envelope_color(body, p / balloon_size(body), foot / balloon_size(body));
    case WICKER:
        return vec3(0.45, 0.28, 0.13) *
               (1.0 + 0.4 * sin(60.0 * p.y) * seen(12.0, foot) + 0.4 * grain);
    default:
        return train_color(p, foot);
    }
}

// ---- light ----
vec3 sky(vec3 d)
{
    const float up = max(d.y, 0.0);
    vec3 color =
        mix(vec3(0.98, 0.82, 0.66), vec3(0.46, 0.66, 0.90), 1.0 - exp(-5.5 * up));
    color = mix(color, vec3(0.15, 0.34, 0.70), 1.0 - exp(-1.5 * up));
    // fair-weather clouds painted on a far wall, lit from the upper left
    const vec2 q = vec2(2.3 * d.x, 5.2 * d.y) / max(d.z, 0.2) + vec2(6.3, 2.0);
    const vec2 bend = vec2(octaves(q * 0.9, 0.0, 3), octaves(q * 0.9 + 7.7, 0.0, 3));
    const float density = octaves(q + 0.28 * bend, 0.0, 7);
    const float toward = octaves(q + 0.28 * bend + vec2(-0.16, 0.22), 0.0, 4);
    const float cover = smoothstep(0.03, 0.30, density) * smoothstep(0.01, 0.10, d.y);
    const float lit = clamp(0.60 + 1.3 * (density - toward), 0.0, 1.0);
    const vec3 cloud = mix(vec3(0.66, 0.64, 0.76), vec3(1.35, 1.22, 1.05), lit);
    return mix(color, cloud, 0.92 * cover);
}

vec3 normal_at(vec3 p, float distance)
{
    const float e = 0.0007 * distance + 0.0006;
    vec3 n = vec3(0.0);
    for (int i = min(0, push.width); i < 4; i++) { // a bound the compiler cannot unroll
        const vec3 k = vec3(i == 1 || i == 2 ? -1.0 : 1.0, i == 2 || i == 3 ? -1.0 : 1.0,
                            i == 1 || i == 3 ? -1.0 : 1.0);
        n += k * scene(p + k * e).distance;
    }
    return normalize(n);
}

// How much of the sun reaches p (Quilez' soft shadows by closest miss).
float sunlight(vec3 p)
{
    float t = 0.06, light = 1.0;
    for (int i = 0; i < 44 && t < 34.0; i++) {
        const float d = scene(p + SUN * t).distance;
        light = min(light, 14.0 * d / t);
        if (light < 0.005)
            break;
        t += clamp(d, 0.05, 2.5);
    }
    light = clamp(light, 0.0, 1.0);
    return light * light * (3.0 - 2.0 * light);
}

// How open the surface is to the sky, from distances along the normal.
float openness(vec3 p, vec3 n)
{
    float closed = 0.0, weight = 0.9;
    for (int i = 1; i <= 4; i++) {
        const float h = 0.16 * float(i * i) * 0.6;
        closed += weight * max(h - scene(p + n * h).distance, 0.0) / h;
        weight *= 0.62;
    }
    return clamp(1.0 - 0.55 * closed, 0.0, 1.0);
}

// How far small bumps tilt a material's normal.
float roughness(int material)
{
    return material == LEAVES                     ? 1.5
           : material == GROUND                   ? 0.55
           : material == HAY                      ? 0.8
           : material == BARK || material == ROOF ? 0.5
                                                  : 0.12;
}

vec3 bumps(vec3 p, float foot)
{
    const vec3 q = p * 5.0;
    return vec3(octaves(q, foot * 5.0, 3), octaves(q + 31.0, foot * 5.0, 3),
                octaves(q - 57.0, foot * 5.0, 3));
}

vec3 shade(vec3 from, vec3 d, float pixel_angle)
{
    const Hit hit = trace(from, d);
    if (hit.id == SKY)
        return sky(d);
    const vec3 p = from + d * hit.distance;
    const float foot = hit.distance * pixel_angle;
    const int body = hit.id / BODY, material = hit.id % BODY;
    const vec3 local = to_body(body, p);
    vec3 n = normal_at(p, hit.distance);
    // seen at a slant a pixel covers more ground
    const float slant = clamp(abs(dot(n, d)), 0.16, 1.0);
    vec3 color = max(surface_color(hit.id, local, foot * inversesqrt(slant)), 0.005);
    const float open = openness(p, n),
                sun = sunlight(p + n * (0.01 + 0.0008 * hit.distance));
    n = normalize(n + roughness(material) * bumps(local, foot));
    float direct = clamp(dot(n, SUN), 0.0, 1.0);
    if (material == LEAVES || material == ENVELOPE ||
        material == SAIL) // light shines through
        direct = mix(direct, clamp(0.5 + 0.5 * dot(n, SUN), 0.0, 1.0), 0.45);
    vec3 light = SUN_COLOR * direct * sun;
    light += SKY_COLOR * (0.55 + 0.45 * n.y) * open;
    light +=
        vec3(0.34, 0.30, 0.14) * clamp(0.4 - 0.6 * n.y, 0.0, 1.0) * open; // off the grass
    color *= light;
    if (material == ENVELOPE || material == TRAIN) {
        const float shine = pow(clamp(dot(n, normalize(SUN - d)), 0.0, 1.0), 40.0);
        color += SUN_COLOR * 0.10 * shine * sun;
    }
    const float haze = 1.0 - exp(-pow(hit.distance * 0.0042, 1.3));
    return mix(color, HAZE * mix(0.9, 1.08, clamp(-d.x, 0.0, 1.0)), haze);
}

// Narkowicz' fit of the ACES tone curve, then the sRGB transfer function.
vec3 display(vec3 color)
{
    color *= 0.52;
    color = clamp(color * (2.51 * color + 0.03) / (color * (2.43 * color + 0.59) + 0.14),
                  0.0, 1.0);
    return mix(1.055 * pow(color, vec3(1.0 / 2.4)) - 0.055, 12.92 * color,
               lessThan(color, vec3(0.0031308)));
}
