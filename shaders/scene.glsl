// The sample scene: where everything is at a time, the distance to it, and tracing rays
// through it. Lengths are metres, y is up, z leads into the picture; times are seconds.
// Distances and sphere tracing follow Hart 1996, "Sphere tracing: a geometric method for
// the antialiased ray tracing of implicit surfaces".

const float FAR = 420.0;
const float FOCAL = 2.1; // half the picture's height is 1 / FOCAL at distance 1
const vec3 MILL = vec3(7.0, 0.0, 16.0);
const vec3 CHURCH = vec3(-8.5, 0.6, 43.0);
const vec3 COTTAGE = vec3(-7.2, 0.0, 13.5);
const float RAIL_Z = 31.0;

// A surface is MATERIAL + BODY * 64. Everything of one body moves rigidly together.
const int GROUND = 0, WALL = 1, ROOF = 2, BRICK = 3, TOWER = 4, CAP = 5, WOOD = 6,
          BARK = 7, LEAVES = 8, HAY = 9, SAIL = 10, ENVELOPE = 11, WICKER = 12,
          TRAIN = 13, SKY = 63;
const int BODY = 64;
const int WORLD = 0, ROTOR = 1, BALLOON = 2, BALLOONS = 3, LOCOMOTIVE = 5, BODIES = 6;

struct Pose {
    vec3 at;
    mat3 turn; // columns: the body's axes in the world
};
Pose poses[BODIES];
Pose camera; // columns: right, up, forward

mat3 turn_y(float a)
{
    return mat3(cos(a), 0.0, -sin(a), 0.0, 1.0, 0.0, sin(a), 0.0, cos(a));
}

mat3 turn_x(float a)
{
    return mat3(1.0, 0.0, 0.0, 0.0, cos(a), sin(a), 0.0, -sin(a), cos(a));
}

mat3 turn_z(float a)
{
    return mat3(cos(a), sin(a), 0.0, -sin(a), cos(a), 0.0, 0.0, 0.0, 1.0);
}

float ease(float from, float to, float x)
{
    const float u = clamp((x - from) / (to - from), 0.0, 1.0);
    return u * u * u * (u * (u * 6.0 - 15.0) + 10.0);
}

// The camera dollies in, rests from 2.3 to 3.7 s but for a sway of hundredths of a pixel,
// and leaves panning to the right.
void pose_all(float time)
{
    const float first = ease(-1.1, 2.3, time), second = ease(3.7, 6.7, time);
    camera.at =
        vec3(-2.4 + 2.5 * first + 0.9 * second, 2.15 + 0.25 * first + 0.7 * second,
             -13.2 + 4.0 * first + 4.6 * second);
    camera.turn = turn_y(0.13 - 0.13 * first + 0.24 * second + 0.0004 * sin(1.7 * time)) *
                  turn_x(-0.055 - 0.02 * second + 0.0003 * sin(1.1 * time));

    poses[WORLD] = Pose(vec3(0.0), mat3(1.0));
    poses[ROTOR] =
        Pose(MILL + vec3(-0.55, 8.35, -1.75), turn_y(0.3) * turn_z(-0.55 * time - 0.35));
    poses[BALLOON] = Pose(vec3(-4.6 + 1.25 * time, 6.15 + 0.16 * time, 8.0 + 0.1 * time),
                          turn_y(0.10 * time));
    poses[BALLOON + 1] = Pose(vec3(17.0 - 0.75 * time, 15.2 + 0.2 * time, 34.0),
                              turn_y(1.0 - 0.07 * time));
    poses[BALLOON + 2] =
        Pose(vec3(-27.0 + 0.9 * time, 27.5 - 0.25 * time, 66.0), turn_y(0.06 * time));
    poses[LOCOMOTIVE] = Pose(vec3(-15.0 + 4.6 * time, 1.28, RAIL_Z), mat3(1.0));
}

vec3 to_body(int body, vec3 p)
{
    return (p - poses[body].at) * poses[body].turn;
}

vec3 to_world(int body, vec3 p)
{
    return poses[body].turn * p + poses[body].at;
}

// Pixel positions are in pixels from the top left corner of a size.x by size.y picture.
vec3 pixel_ray(vec2 pixel, vec2 size)
{
    const vec2 v = (pixel - 0.5 * size) * (2.0 / size.y);
    return normalize(camera.turn * vec3(v.x, -v.y, FOCAL));
}

// Of a direction from the camera; it must lead forward.
vec2 ray_pixel(vec3 direction, vec2 size)
{
    const vec3 v = direction * camera.turn;
    return 0.5 * size + vec2(v.x, -v.y) * (FOCAL / v.z) * (0.5 * size.y);
}

// ---- distances ----
float box(vec3 p, vec3 half_size)
{
    const vec3 q = abs(p) - half_size;
    return length(max(q, 0.0)) + min(max(q.x, max(q.y, q.z)), 0.0);
}

float capsule(vec3 p, vec3 a, vec3 b, float r)
{
    const vec3 pa = p - a, ba = b - a;
    return length(pa - ba * clamp(dot(pa, ba) / dot(ba, ba), 0.0, 1.0)) - r;
}

// Upright, from y 0 (radius r0) to h (radius r1); a lower bound.
float frustum(vec3 p, float h, float r0, float r1)
{
    const float slope = (r0 - r1) / h;
    const float side =
        (length(p.xz) - r0 + slope * p.y) * inversesqrt(1.0 + slope * slope);
    return max(side, abs(p.y - 0.5 * h) - 0.5 * h);
}

float smooth_min(float a, float b, float k)
{
    const float h = max(k - abs(a - b), 0.0) / k;
    return min(a, b) - h * h * k * 0.25;
}

// Where the path runs at depth z.
float path_x(float z)
{
    return -0.4 + 1.1 * sin(0.17 * z + 0.9) - 0.004 * z * z;
}

// 1 inside the tulip field.
float field_mask(vec2 q)
{
    const vec2 d = abs(q - vec2(-9.4, -0.5)) - vec2(7.0, 8.2);
    return 1.0 - smoothstep(-0.25, 0.25, max(d.x, d.y));
}

float ground_height(vec2 q)
{
    float h = 0.32 * sin(0.21 * q.x + 0.8) * sin(0.17 * q.y + 0.3) +
              0.10 * sin(0.55 * q.x - 0.43 * q.y);
    const vec2 m = q - MILL.xz;
    h += 1.7 * exp(-0.018 * dot(m, m));
    const float near_rail = (q.y - RAIL_Z) * 0.30;
    h = mix(h, 0.8, exp(-near_rail * near_rail));
    const float hills = smoothstep(44.0, 120.0, q.y),
                ridge = smoothstep(120.0, 250.0, q.y);
    h += hills *
         (7.0 + 5.0 * sin(0.037 * q.x + 1.9) + 2.5 * sin(0.083 * q.x + 0.05 * q.y));
    h += ridge * (26.0 + 15.0 * sin(0.019 * q.x + 0.6) + 6.0 * sin(0.051 * q.x + 1.0));
    const float path = q.x - path_x(q.y);
    h -= 0.07 * exp(-2.2 * path * path);
    return h;
}

float ground(vec3 p)
{
    float h = ground_height(p.xz);
    const float row = abs(fract(p.x / 0.9) - 0.5) * 2.0; // 1 between the rows
    const float clump =
        sin(9.0 * p.z + 3.0 * sin(3.1 * p.x)) * sin(8.0 * p.x + 4.0 * p.z);
    h += field_mask(p.xz) * (0.30 * (1.0 - row * row) + 0.05 * clump * (1.0 - row));
    return (p.y - h) * 0.72;
}

// Into the frames of two houses, their fronts toward -z.
vec3 to_cottage(vec3 p)
{
    return (p - COTTAGE) * turn_y(-0.35);
}

vec3 to_farm(vec3 p)
{
    return (p - vec3(-17.0, 0.6, 40.0)) * turn_y(0.5);
}

// x: distance to the walls, y: to the roof, z: to the chimney.
vec3 house(vec3 p, vec3 size)
{
    const float eaves = size.y;
    const float walls = box(p - vec3(0.0, 0.5 * eaves - 0.5, 0.0),
                            vec3(size.x, 0.5 * eaves + 0.5, size.z));
    vec3 q = p - vec3(0.0, eaves, 0.0);
    const float pitch = 0.85 * size.z;
    const vec2 n = normalize(vec2(pitch, size.z));
    const float slope = dot(vec2(abs(q.z), q.y - pitch), n);
    const float gable = max(max(slope, -q.y - 0.1), abs(q.x) - size.x);
    const float roof =
        max(max(abs(slope - 0.08) - 0.09, abs(q.x) - size.x - 0.28), -q.y - 0.32);
    const float chimney =
        box(q - vec3(0.55 * size.x, pitch * 0.85, 0.35 * size.z), vec3(0.26, 0.75, 0.26));
    return vec3(min(walls, gable), roof, chimney);
}

// x: leaves, y: trunk
vec2 tree(vec3 p, float r)
{
    const float trunk =
        capsule(p, vec3(0.0, -0.5, 0.0), vec3(0.1 * r, 1.7 * r, 0.0), 0.13 * r);
    float crown = length(p - vec3(0.0, 2.3 * r, 0.0)) - r;
    crown = smooth_min(crown, length(p - vec3(0.75 * r, 1.95 * r, -0.3 * r)) - 0.7 * r,
                       0.3 * r);
    crown = smooth_min(crown, length(p - vec3(-0.72 * r, 1.85 * r, 0.1 * r)) - 0.75 * r,
                       0.3 * r);
    crown = smooth_min(crown, length(p - vec3(0.05 * r, 2.95 * r, 0.1 * r)) - 0.62 * r,
                       0.3 * r);
    return vec2(crown, trunk);
}

// A row of poplars along the railway, one every 4.2 m.
float poplars(vec3 p)
{
    const float cell = clamp(round((p.x - 1.0) / 4.2), -1.0, 9.0);
    const float tall = 1.0 + 0.22 * sin(cell * 4.7);
    const vec3 q = p - vec3(1.0 + cell * 4.2, 0.6, 35.6 + 0.5 * sin(cell * 2.9));
    const vec3 r = vec3(1.0, 3.6 * tall, 1.0);
    const vec3 s = q - vec3(0.0, r.y + 0.5, 0.0);
    const float k0 = length(s / r), k1 = length(s / (r * r));
    return k0 * (k0 - 1.0) / k1;
}

float fence(vec3 p)
{
    const float z = clamp(p.z, -9.0, 9.0);
    const float x = p.x - path_x(z) - 2.1;
    const float h = ground_height(vec2(p.x - x, z));
    vec3 q = vec3(x, p.y - h, p.z);
    const float at = clamp(round(q.z / 1.8), -5.0, 5.0);
    const float post =
        box(q - vec3(0.0, 0.45, at * 1.8), vec3(0.075, 0.62, 0.075)) - 0.02;
    const float sag = 0.05 * cos(q.z * 3.4907);
    const float rails = min(length(vec2(q.x + 0.08, q.y - 0.82 - sag)),
                            length(vec2(q.x + 0.08, q.y - 0.42 + sag))) -
                        0.045;
    return min(post, max(rails, abs(q.z) - 9.0)) * 0.9;
}

// Turns the rotor's frame, its four arms along x and y, so that p's arm is along +y.
vec3 fold_arm(vec3 p)
{
    if (abs(p.x) > abs(p.y))
        p.xy = vec2(-p.y, p.x);
    return p.y < 0.0 ? vec3(-p.xy, p.z) : p;
}

// p in the rotor's frame. x: cloth, y: spars
vec2 rotor(vec3 p)
{
    const vec3 q = fold_arm(p);
    const float cloth =
        box(q - vec3(0.47, 2.35, 0.02 + 0.05 * q.x), vec3(0.42, 1.5, 0.015));
    const float spar = min(box(q - vec3(0.0, 1.95, 0.0), vec3(0.06, 2.0, 0.05)),
                           box(p - vec3(0.0, 0.0, 0.15), vec3(0.2, 0.2, 0.4)));
    return vec2(cloth, spar);
}

float balloon_size(int body)
{
    return body == BALLOON ? 1.45 : body == BALLOON + 1 ? 2.9 : 3.6;
}

// p in the balloon's frame: envelope of radius 1 round the origin. x: envelope, y: basket
vec2 balloon(vec3 p)
{
    // a round cone (Quilez) from (0, -1.35) with radius 0.3 to the origin with radius 1
    const float h = 1.35, b = (0.3 - 1.0) / h, a = sqrt(1.0 - b * b);
    const vec2 q = vec2(length(p.xz), p.y + h);
    const float k = dot(q, vec2(-b, a));
    const float cone = dot(q, vec2(a, b)) - 0.3;
    float envelope = k < 0.0     ? length(q) - 0.3
                     : k > a * h ? length(q - vec2(0.0, h)) - 1.0
                                 : cone;
    envelope = max(envelope, -p.y - 1.5);
    const float basket = max(abs(p.y + 2.2) - 0.17, length(p.xz) - 0.2);
    const vec3 r = vec3(abs(p.x), p.y, abs(p.z));
    const float rope = capsule(r, vec3(0.13, -2.1, 0.13), vec3(0.19, -1.45, 0.19), 0.012);
    return vec2(envelope, min(basket, rope));
}

// The three carriages behind the engine: which one is at x, and where its middle is.
float car_at(float x)
{
    return clamp(round((x + 5.2) / -3.9), 0.0, 2.0);
}

float car_x(float car)
{
    return -5.2 - 3.9 * car;
}

// p in the train's frame: rails at y -0.45, the engine leads along x.
float train(vec3 p)
{
    float d = capsule(p, vec3(-0.6, 0.75, 0.0), vec3(1.6, 0.75, 0.0), 0.58); // boiler
    d = min(d, box(p - vec3(-1.3, 0.95, 0.0), vec3(0.62, 0.95, 0.8)));
    d = min(d, box(p - vec3(-1.3, 1.98, 0.0), vec3(0.8, 0.07, 0.95)));
    d = min(d, frustum(p - vec3(1.45, 1.2, 0.0), 0.95, 0.17, 0.27));
    d = min(d, length(p - vec3(0.45, 1.38, 0.0)) - 0.24);
    const vec3 q = p - vec3(car_x(car_at(p.x)), 0.0, 0.0);
    d = min(d, box(q - vec3(0.0, 0.85, 0.0), vec3(1.7, 0.72, 0.8)) - 0.06);
    d = min(d, box(q - vec3(0.0, 1.68, 0.0), vec3(1.78, 0.06, 0.92)));
    d = min(d, box(p - vec3(-4.6, 0.12, 0.0), vec3(6.9, 0.1, 0.6)));
    const float wheel = clamp(round((p.x + 5.0) / 1.3), -6.0, 5.0);
    const vec3 w = p - vec3(-5.0 + 1.3 * wheel, -0.08, 0.0);
    return min(d, max(length(w.xy) - 0.36, abs(w.z) - 0.72));
}

struct Surface {
    float distance;
    int id;
};

void closer(inout Surface s, float distance, int id)
{
    if (distance < s.distance) {
        s.distance = distance;
        s.id = id;
    }
}

Surface scene(vec3 p)
{
    Surface s = Surface(ground(p), GROUND);
    vec3 h = house(to_cottage(p), vec3(2.7, 2.3, 1.9));
    closer(s, h.x, WALL);
    closer(s, h.y, ROOF);
    closer(s, h.z, BRICK);
    h = house(to_farm(p), vec3(3.0, 2.6, 2.2));
    h = min(h, house((p - vec3(-25.0, 0.4, 38.0)) * turn_y(-0.2), vec3(3.4, 2.5, 2.3)));
    closer(s, h.x, WALL);
    closer(s, h.y, ROOF);
    closer(s, h.z, BRICK);
    const vec3 c = p - CHURCH; // the church and its spire
    closer(s, box(c - vec3(0.0, 3.5, 0.0), vec3(1.5, 4.0, 1.5)), TOWER);
    closer(s, frustum(c - vec3(0.0, 7.5, 0.0), 5.6, 2.0, 0.02), CAP);

    vec3 m = p - MILL;
    m.y -= 1.3;
    closer(s, frustum(m + vec3(0.0, 0.8, 0.0), 7.2, 2.3, 1.35), TOWER);
    closer(s, box(vec3(length(m.xz) - 2.05, m.y - 2.5, 0.0), vec3(0.55, 0.05, 1.0)),
           WOOD);
    const vec3 top = m - vec3(0.0, 6.3, 0.0);
    closer(s, max(length(top * vec3(1.0, 0.85, 1.0)) - 1.62, -top.y), CAP);
    const vec3 r = to_body(ROTOR, p);
    const vec2 arms = rotor(r);
    closer(s, arms.x, SAIL + BODY * ROTOR);
    closer(s, arms.y, WOOD + BODY * ROTOR);
    closer(s, capsule(p, poses[ROTOR].at, MILL + vec3(0.0, 8.2, 0.0), 0.13), WOOD);

    closer(s, fence(p), WOOD);
    for (int i = 0; i < 3; i++) {
        const vec3 at = i == 0   ? vec3(5.8, 0.1, 2.6)
                        : i == 1 ? vec3(9.2, 0.2, 4.0)
                                 : vec3(8.4, 0.2, -0.6);
        const vec3 q = (p - at) * turn_y(0.6 + 1.3 * float(i));
        closer(s, max(length(q.xy - vec2(0.0, 0.55)) - 0.72, abs(q.z) - 0.62) - 0.05,
               HAY);
    }

    vec2 t = tree(p - vec3(-13.6, 0.0, 12.5), 2.1);
    t = min(t, tree((p - vec3(-3.4, 0.0, 19.5)) * turn_y(2.0), 1.45));
    t = min(t, tree((p - vec3(13.8, 0.2, 9.5)) * turn_y(4.0), 1.9));
    t = min(t, tree((p - vec3(1.6, 0.0, 25.0)) * turn_y(1.0), 1.6));
    t = min(t, tree((p - vec3(-20.5, 0.0, 24.0)) * turn_y(3.0), 2.5));
    t.x = min(t.x, poplars(p));
    const vec3 w = p * 3.1;
    const float twigs =
        sin(w.x + 1.3 * sin(w.y * 1.7)) * sin(w.y * 1.3 + w.z) * sin(w.z - w.x * 0.4) +
        0.5 * sin(w.x * 2.3 + w.z) * sin(w.y * 2.9) * sin(w.z * 2.1 + 1.0);
    closer(s, (t.x - 0.17 * twigs) * 0.75, LEAVES);
    closer(s, t.y, BARK);

    for (int i = 0; i < BALLOONS; i++) {
        const float size = balloon_size(BALLOON + i);
        const vec2 b = balloon(to_body(BALLOON + i, p) / size) * size;
        closer(s, b.x, ENVELOPE + BODY * (BALLOON + i));
        closer(s, b.y, WICKER + BODY * (BALLOON + i));
    }
    closer(s, train(to_body(LOCOMOTIVE, p)), TRAIN + BODY * LOCOMOTIVE);
    return s;
}

struct Hit {
    float distance; // along the ray; FAR for the sky
    int id;
};

Hit trace(vec3 from, vec3 direction)
{
    float t = 0.05;
    Hit hit = Hit(FAR, SKY);
    for (int i = 0; i < 140; i++) {
        const vec3 p = from + direction * t;
        if (t > FAR || (p.y > 62.0 && direction.y > 0.0))
            break;
        const Surface s = scene(p);
        hit.id = s.id;
        hit.distance = t;
        if (s.distance < 0.0004 * t)
            return hit;
        t += s.distance;
    }
    return t > 0.8 * FAR || from.y + direction.y * t > 62.0 ? Hit(FAR, SKY) : hit;
}
